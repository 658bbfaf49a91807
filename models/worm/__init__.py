"""The worm: the 302 neurons and 95 body-wall muscles of *C. elegans*, its body and what it senses, in one clock.

``model`` is the animal as plain arrays; ``params/*.toml`` hold every number with its source; ``mechanisms`` the channels;
``body`` the chain in its medium; ``environment`` fields and senses; ``loop`` closes the loop.
"""
