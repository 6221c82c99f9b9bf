"""One typed configuration per experiment, with the figures that it must show."""
