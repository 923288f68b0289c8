"""How Alembic changes the database: over a connection that is given."""

from alembic import context

from affekt.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
context.run_migrations()
