"""The KBV's profiles of the eAU: rules as data, one engine that judges a document by them."""
