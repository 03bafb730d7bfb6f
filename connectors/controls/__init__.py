"""One module per API through which a sender can be controlled; `connectors.control` lists them."""
