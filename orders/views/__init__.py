"""Pages of parcels: the list and its export, the import, a recipient's name and phone."""
