"""CloudWatch Logs as far as moto does not do it: FilterLogEvents, with filter patterns and event ids that last."""
