"""The state machines that come with the engine, one class per module. They import the domain only."""
