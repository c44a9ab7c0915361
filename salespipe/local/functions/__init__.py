"""Lambda: deployed functions in processes of their own."""
