"""The console as people meet it: in a browser, over real HTTP, with a real store behind it."""
