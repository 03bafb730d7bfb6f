"""One module per service whose own suppression list can be read or added to; `connectors.suppression` lists them."""
