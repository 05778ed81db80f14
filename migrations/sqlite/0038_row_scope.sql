-- owner: stores
-- Which rows of tables with an organisation the transaction under way sees. It is set in a transaction and taken back
-- before that ends: nobody else ever sees it set, and what asks outside of one sees nothing. PostgreSQL has a setting and
-- row security for this; here it is a row that views look at.
CREATE TABLE row_scope (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sees TEXT
) STRICT;
INSERT INTO row_scope (only_row, sees) VALUES (1, NULL);
