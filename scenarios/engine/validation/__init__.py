"""``kimulator validate``: files of a vendor judged without a world."""
