"""Questions: the Athena client, the crawl that makes the lake queryable, and the views."""
