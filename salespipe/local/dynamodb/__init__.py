"""DynamoDB and its streams: items in the store, moto for what is complicated."""
