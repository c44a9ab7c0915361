"""``trace``: the way of one order through every hop, version by version.

``look`` puts together what the others find: ``written`` in the ledgers, ``streams`` in the table's stream and in
Kinesis, ``lake`` among Firehose's objects, ``asking`` in Athena. ``stuck`` says where a version waits, and why.
"""
