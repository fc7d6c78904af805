import type { PostgresServer } from './postgres';

/**
 * Makes a table whose rows are taken slowly: where they are restored, the server waits at each of them for as long as there is a
 * role of that name, which all databases share. So a test can look at a restore that is half way.
 * @param role lower case letters and underscores
 * @returns lets the rows in, those that wait and all later ones
 */
export async function holdRestores(
	server: PostgresServer,
	database: string,
	role: string,
): Promise<{ release: () => Promise<void> }> {
	await server.query(
		database,
		`CREATE FUNCTION public.held(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
			WHILE current_database() LIKE '%\\_restoring\\_%' AND EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') LOOP
				PERFORM pg_sleep(0.05);
			END LOOP;
			RETURN true;
		END $$;
		CREATE TABLE public.z_slow (id int CHECK (public.held(id)));
		INSERT INTO public.z_slow VALUES (1), (2);
		CREATE ROLE ${role}`,
	);
	return {
		release: async () => {
			await server.query(database, `DROP ROLE IF EXISTS ${role}`);
		},
	};
}

/** Whether the server waits at a row that is held. */
export async function isHeld(server: PostgresServer): Promise<boolean> {
	const { rows } = await server.query(
		'postgres',
		"SELECT FROM pg_stat_activity WHERE datname LIKE '%\\_restoring\\_%' AND query LIKE 'COPY public.z_slow%' AND state = 'active'",
	);
	return rows.length > 0;
}
