/** Where a module brings an extension for PGlite: the module, and the name of its export. */
export interface ExtensionModule {
	module: string;
	name: string;
}

const CONTRIB = '@electric-sql/pglite/contrib';

/** PostgreSQL's own extensions that PGlite comes with, and pgvector, which has a package of its own. */
const AVAILABLE: Record<string, ExtensionModule> = {
	...Object.fromEntries(
		[
			'amcheck',
			'bloom',
			'btree_gin',
			'btree_gist',
			'citext',
			'cube',
			'dict_int',
			'dict_xsyn',
			'earthdistance',
			'file_fdw',
			'fuzzystrmatch',
			'hstore',
			'intarray',
			'isn',
			'lo',
			'ltree',
			'pageinspect',
			'pg_buffercache',
			'pg_freespacemap',
			'pg_stat_statements',
			'pg_surgery',
			'pg_trgm',
			'pg_visibility',
			'pg_walinspect',
			'pgcrypto',
			'seg',
			'tablefunc',
			'tcn',
			'tsm_system_rows',
			'tsm_system_time',
			'unaccent',
		].map((name) => [name, { module: `${CONTRIB}/${name}`, name }]),
	),
	'uuid-ossp': { module: `${CONTRIB}/uuid_ossp`, name: 'uuid_ossp' },
	// This module brings all extensions of PostgreSQL's contrib/spi.
	...Object.fromEntries(
		['autoinc', 'insert_username', 'moddatetime', 'refint'].map((name) => [
			name,
			{ module: `${CONTRIB}/moddatetime`, name: 'moddatetime' },
		]),
	),
	vector: { module: '@electric-sql/pglite-pgvector', name: 'vector' },
};

/** Extensions that need no module. */
const BUILT_IN = new Set(['plpgsql']);

/** The modules that a server in memory needs for the extensions of a dump, and the extensions that it cannot have. */
export function extensionModules(extensions: readonly string[]): { modules: ExtensionModule[]; missing: string[] } {
	const wanted = extensions.filter((name) => !BUILT_IN.has(name));
	const found = wanted.flatMap((name) => (Object.hasOwn(AVAILABLE, name) ? [AVAILABLE[name] as ExtensionModule] : []));
	return {
		modules: [...new Map(found.map((module) => [module.module, module])).values()],
		missing: wanted.filter((name) => !Object.hasOwn(AVAILABLE, name)),
	};
}
