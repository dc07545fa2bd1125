"""The migrations of the schema, shipped with the package and run by `lifecycle db upgrade`."""
