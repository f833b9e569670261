.PHONY: services services-stop
services:  ## Start PostgreSQL and Redis for development
	@.venv/bin/python -m config.embedded start
services-stop:  ## Stop them
	@.venv/bin/python -m config.embedded stop
