"""What could not be delivered: told by error, shown, put on its way again, or deleted.

It lies in two places. Firehose writes what its transform refuses, with the record as it came, into objects below
``errors/``; the pipe puts pointers to what it gave up into a queue, and the table's stream holds these for a day.

Nothing is lost whenever a replay ends, because a record leaves its place only once it was seen in the lake, and an
object is replaced in one request. What is replayed twice is delivered twice, of which the views make one.
"""
