"""The configuration: one YAML file with the environment over it, checked whole before anything runs."""

from __future__ import annotations

from lifecycle.config.errors import ConfigError, Problem
from lifecycle.config.load import load_config
from lifecycle.config.model import Config, JobSpec, LogSettings

__all__ = ["Config", "ConfigError", "JobSpec", "LogSettings", "Problem", "load_config"]
