"""The one-command local platform: `platform.EmbeddedPlatform`. See docs/embedded.md."""
