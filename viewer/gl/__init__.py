"""Drawing with VisPy: a window, stills, movies. Needs the extra ``viewer``."""
