"""The AWS resources of a pipeline, one file per service: each describes, creates and deletes itself."""
