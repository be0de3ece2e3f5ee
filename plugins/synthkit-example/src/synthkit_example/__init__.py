"""An example plugin of synthkit. Nothing is imported here, so that registering it stays cheap."""
