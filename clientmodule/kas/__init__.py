"""Mail data on the KAS of a provider: sealed, uploaded, downloaded, opened, deleted again."""
