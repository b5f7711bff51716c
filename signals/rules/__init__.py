"""What kind of news a text is: rules as data, and the engine that reads them."""
