"""The page: Dash on FastAPI, a WebGL2 module, a binary WebSocket. Needs the extra ``viewer``."""
