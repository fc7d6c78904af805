// A shop small enough to look through, large enough that a backup has something to do.
const SCHEMA = `
	CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped');
	CREATE TABLE customers (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		name text NOT NULL,
		email text UNIQUE NOT NULL,
		since date NOT NULL
	);
	CREATE TABLE products (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		name text NOT NULL,
		price numeric(8, 2) NOT NULL CHECK (price > 0),
		tags text[] NOT NULL,
		-- What a model makes of the name, to find similar ones by: pgvector's type where a server has it, which the demo's has not.
		embedding real[] NOT NULL
	);
	CREATE TABLE orders (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		customer_id bigint NOT NULL REFERENCES customers,
		product_id bigint NOT NULL REFERENCES products,
		state order_state NOT NULL,
		quantity int NOT NULL,
		placed_at timestamptz NOT NULL,
		details jsonb NOT NULL
	);
	CREATE INDEX ON orders (customer_id);
	CREATE VIEW revenue AS
		SELECT date_trunc('month', placed_at) AS month, sum(quantity * price) AS total
		FROM orders JOIN products ON products.id = product_id GROUP BY 1;
	COMMENT ON TABLE orders IS 'What customers ordered';
`;

const ROWS = `
	INSERT INTO customers (name, email, since)
		SELECT 'Customer ' || n, 'customer' || n || '@example.com', date '2020-01-01' + n % 2000 FROM generate_series(1, 5000) n;
	INSERT INTO products (name, price, tags, embedding)
		SELECT 'Product ' || n, 1 + n % 90 + 0.99, ARRAY['shelf ' || n % 7, 'colour ' || n % 5],
			ARRAY(SELECT sin(n * k) FROM generate_series(1, 384) k) FROM generate_series(1, 500) n;
	INSERT INTO orders (customer_id, product_id, state, quantity, placed_at, details)
		SELECT 1 + n % 5000, 1 + n % 500, (ARRAY['new', 'paid', 'shipped'])[1 + n % 3]::order_state, 1 + n % 4,
			timestamptz '2024-01-01' + n * interval '15 minutes', jsonb_build_object('note', 'order ' || n, 'gift', n % 10 = 0)
		FROM generate_series(1, 40000) n;
`;

/** Creates the database `shop`: three tables, and a vector of 384 numbers for each product. */
export async function createShop(postgres) {
	const database = await postgres.createDatabase('shop');
	await postgres.query(database, SCHEMA);
	await postgres.query(database, ROWS);
	return database;
}
