"""moto: the only rooms, with the moto_ files of DynamoDB and Kinesis, that touch its inside."""
