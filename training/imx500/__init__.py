"""The finder as the AI camera's chip takes it (deploy/imx500)."""
