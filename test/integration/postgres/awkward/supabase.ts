/**
 * Roles, schemas, rights and event triggers as a project of Supabase has them, made on a stock server: the user of the project
 * owns the database and what is in `public`, is no superuser, and reads and writes what the services keep in schemas of their own.
 */
import type { PostgresServer } from '../../../services/postgres';

/** Stands for Supabase's `postgres`, which on a stock server is the superuser. */
export const OWNER = { user: 'project_owner', password: 'p' };

export const ROLES = `
CREATE ROLE supabase_admin SUPERUSER LOGIN;
CREATE ROLE ${OWNER.user} LOGIN PASSWORD '${OWNER.password}' NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS;
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE authenticator LOGIN NOINHERIT;
CREATE ROLE supabase_auth_admin LOGIN NOINHERIT CREATEROLE;
CREATE ROLE supabase_storage_admin LOGIN NOINHERIT CREATEROLE;
GRANT anon, authenticated, service_role TO authenticator, ${OWNER.user} WITH ADMIN OPTION;
GRANT pg_read_all_data, pg_signal_backend, pg_monitor TO ${OWNER.user};
`;

const SERVICES = `
SET ROLE supabase_admin;
CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO ${OWNER.user}, anon, authenticated, service_role;
CREATE EXTENSION pgcrypto SCHEMA extensions;
CREATE EXTENSION "uuid-ossp" SCHEMA extensions;
CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
GRANT ALL ON SCHEMA auth TO ${OWNER.user};
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
CREATE SCHEMA storage AUTHORIZATION supabase_storage_admin;
GRANT ALL ON SCHEMA storage TO ${OWNER.user} WITH GRANT OPTION;
GRANT USAGE ON SCHEMA storage TO anon, authenticated, service_role;
SET ROLE supabase_auth_admin;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text UNIQUE, encrypted_password text);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
	$$SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid$$;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO ${OWNER.user};
GRANT EXECUTE ON FUNCTION auth.uid() TO ${OWNER.user}, anon, authenticated, service_role;
SET ROLE supabase_storage_admin;
CREATE TABLE storage.objects (id int PRIMARY KEY, bucket text, name text, owner uuid);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
GRANT ALL ON ALL TABLES IN SCHEMA storage TO ${OWNER.user} WITH GRANT OPTION;
GRANT SELECT ON storage.objects TO anon, authenticated;
SET ROLE supabase_admin;
CREATE FUNCTION extensions.pgrst_ddl_watch() RETURNS event_trigger LANGUAGE plpgsql AS $f$BEGIN NOTIFY pgrst, 'reload schema'; END$f$;
CREATE EVENT TRIGGER pgrst_ddl_watch ON ddl_command_end EXECUTE FUNCTION extensions.pgrst_ddl_watch();
ALTER DEFAULT PRIVILEGES FOR ROLE ${OWNER.user} IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
RESET ROLE;
`;

const APPLICATION = `
SET ROLE ${OWNER.user};
CREATE TABLE public.profiles (
	id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, nick text, token text DEFAULT extensions.uuid_generate_v4()::text
);
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.profiles FOR ALL TO authenticated USING (auth.uid() = id) WITH CHECK (auth.uid() = id);
CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
	$f$BEGIN INSERT INTO public.profiles (id, nick) VALUES (new.id, split_part(new.email, '@', 1)); RETURN new; END$f$;
CREATE PUBLICATION supabase_realtime FOR TABLE public.profiles;
RESET ROLE;
SET ROLE supabase_auth_admin;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
RESET ROLE;
INSERT INTO auth.users SELECT gen_random_uuid(), 'user' || n || '@example.com', 'x' FROM generate_series(1, 50) n;
INSERT INTO storage.objects SELECT n, 'avatars', n || '.png', (SELECT id FROM auth.users LIMIT 1) FROM generate_series(1, 20) n;
`;

/** A project: its database with what the services keep there, without what the application makes. */
export async function createProject(server: PostgresServer, database: string): Promise<string> {
	await server.createDatabase(database);
	await server.query('postgres', `ALTER DATABASE "${database}" OWNER TO ${OWNER.user}`);
	await server.query(database, SERVICES);
	return database;
}

/** What the application makes: a table of its own that refers to the users of the service, with policies, and rows. */
export async function fillProject(server: PostgresServer, database: string): Promise<void> {
	await server.query(database, APPLICATION);
}
