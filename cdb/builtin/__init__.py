"""The plugins that come with cdb: plugins like any other."""
