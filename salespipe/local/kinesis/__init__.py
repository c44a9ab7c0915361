"""Kinesis Data Streams: records in the record log, the control plane in moto."""
