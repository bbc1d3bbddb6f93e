"""Card data and pictures from the public catalogues, into a folder that a catalogue is built from."""
