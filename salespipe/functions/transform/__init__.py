"""The Firehose transform: DynamoDB stream events in, lake records out. The zip holds ``handler.py`` alone."""
