"""The register of Dienstkennungen: what is known of each, as data, with its source."""
