"""Pure functions of values: no I/O, no clock, no Faust. Everything here can be tested by calling it."""
