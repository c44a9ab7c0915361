"""EventBridge rules that run on a schedule."""
