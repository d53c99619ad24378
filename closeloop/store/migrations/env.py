"""What Alembic runs: every step on the connection, and in the transaction, that it was handed."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
