"""Finding entities: their data, the tags of words, what is measured, and the finished artifact."""
