"""What runs inside AWS Lambda: each folder beside this file becomes one function's zip, ``handler.handler``."""
