"""Panels beside the 3-D view: what one is (``panel``) and which there are (``found``)."""
