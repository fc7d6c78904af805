/**
 * What the system catalogs say of a database, in names instead of OIDs: one query per kind of object, each yielding
 * `identity` and `facts`. Works on PostgreSQL 15 and later, also where there is no native pg_dump to ask.
 */

/** Objects of the user: not in a system schema, not a toast table. */
const USER_SCHEMA = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const owner = (column: string) => `pg_get_userbyid(${column})`;

/** Privileges in a fixed order; the stored null stands for the default ones. */
const acl = (kind: string, column: string, ownerColumn: string) =>
	`(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(coalesce(${column}, acldefault('${kind}', ${ownerColumn}))) a)`;

/** Without those that a server keeps for itself and gives anew (`pg_attver`, since the minor releases of November 2026). */
const options = (column: string) =>
	`(SELECT array_agg(o ORDER BY o) FROM unnest(${column}) o WHERE left(o, 3) <> 'pg_')`;

const sorted = (column: string) => `(SELECT array_agg(o ORDER BY o) FROM unnest(${column}) o)`;

const identified = (catalog: string, oid: string) =>
	`(SELECT i.type || ' ' || i.identity FROM pg_identify_object('${catalog}'::regclass, ${oid}, 0) i)`;

/** In version 18 virtual columns, unenforced constraints and generated columns in publications came in. */
export function catalogQueries(version: number): Record<string, string> {
	return { ...relations(version), ...routines(), ...types(), ...operators(), ...search(), ...others() };
}

function relations(version: number): Record<string, string> {
	return {
		schema: `SELECT nspname AS identity, jsonb_build_array(${owner('nspowner')}, ${acl('n', 'nspacl', 'nspowner')}) AS facts
			FROM pg_namespace n WHERE ${USER_SCHEMA}`,
		relation: `SELECT format('%s %s', c.relkind, c.oid::regclass) AS identity, jsonb_build_array(${owner('relowner')},
				${acl('r', 'relacl', 'relowner').replace(`'r'`, `CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`)},
				relpersistence, (SELECT amname FROM pg_am WHERE oid = relam), reltablespace, ${sorted('reloptions')},
				(SELECT ${sorted('t.reloptions')} FROM pg_class t WHERE t.oid = c.reltoastrelid), relreplident, relrowsecurity,
				relforcerowsecurity, relispopulated, pg_get_expr(relpartbound, c.oid), pg_get_partkeydef(c.oid),
				reloftype::regtype, CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
				CASE WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END,
				(SELECT jsonb_build_array(indisclustered, indisreplident, indisvalid) FROM pg_index WHERE indexrelid = c.oid),
				(SELECT jsonb_build_array(srvname, ${sorted('ftoptions')}) FROM pg_foreign_table f
					JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid = c.oid)) AS facts
			FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE ${USER_SCHEMA}`,
		column: `SELECT format('%s.%I', attrelid::regclass, attname) AS identity, jsonb_build_array(
				row_number() OVER (PARTITION BY attrelid ORDER BY attnum), format_type(atttypid, atttypmod),
				attcollation::regcollation, attnotnull, pg_get_expr(adbin, adrelid), attidentity, attgenerated, attstorage,
				attcompression, nullif(attstattarget, -1), attislocal, attinhcount, ${options('attoptions')},
				${sorted('attfdwoptions')}, ${sorted('attacl::text[]')}) AS facts
			FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
				LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attnum > 0 AND NOT attisdropped AND ${USER_SCHEMA}`,
		inheritance: `SELECT format('%s from %s', inhrelid::regclass, inhparent::regclass) AS identity,
				jsonb_build_array(inhseqno) AS facts FROM pg_inherits`,
		constraint: `SELECT format('%I on %s', conname, CASE conrelid WHEN 0 THEN contypid::regtype::text ELSE
				conrelid::regclass::text END) AS identity, jsonb_build_array(pg_get_constraintdef(o.oid), contype, convalidated,
				condeferrable, condeferred, conislocal, coninhcount, contype IN ('c', 'n') AND connoinherit, conindid::regclass
				${version >= 18 ? ', conenforced, conperiod' : ''}) AS facts
			FROM pg_constraint o JOIN pg_namespace n ON n.oid = connamespace WHERE ${USER_SCHEMA}`,
		trigger: `SELECT format('%I on %s', tgname, tgrelid::regclass) AS identity,
				jsonb_build_array(pg_get_triggerdef(t.oid), tgenabled, tgparentid <> 0) AS facts
			FROM pg_trigger t WHERE NOT tgisinternal`,
		rule: `SELECT format('%I on %s', rulename, ev_class::regclass) AS identity,
				jsonb_build_array(pg_get_ruledef(r.oid), ev_enabled) AS facts
			FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class JOIN pg_namespace n ON n.oid = relnamespace
			WHERE rulename <> '_RETURN' AND ${USER_SCHEMA}`,
		policy: `SELECT format('%I on %s', polname, polrelid::regclass) AS identity, jsonb_build_array(polcmd, polpermissive,
				(SELECT array_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE ${owner('r')}::text END ORDER BY ${owner('r')})
					FROM unnest(polroles) r), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) AS facts
			FROM pg_policy`,
		sequence: `SELECT seqrelid::regclass::text AS identity, jsonb_build_array(seqtypid::regtype, seqstart, seqincrement, seqmax,
				seqmin, seqcache, seqcycle, (SELECT format('%s %s.%s', deptype, refobjid::regclass, refobjsubid > 0)
					FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = seqrelid AND refobjsubid > 0)) AS facts
			FROM pg_sequence`,
		statistics: `SELECT format('%I.%I', n.nspname, stxname) AS identity, jsonb_build_array(${owner('stxowner')},
				pg_get_statisticsobjdef(s.oid), nullif(stxstattarget, -1)) AS facts
			FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace`,
	};
}

function routines(): Record<string, string> {
	return {
		routine: `SELECT p.oid::regprocedure::text AS identity, jsonb_build_array(${owner('proowner')},
				${acl('f', 'proacl', 'proowner')}, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
				pg_get_function_result(p.oid), proisstrict, provolatile, proparallel, prosupport) AS facts
			FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE ${USER_SCHEMA}`,
		aggregate: `SELECT aggfnoid::regprocedure::text AS identity, to_jsonb(a) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype'
				- 'aggsortop' || jsonb_build_object('types', jsonb_build_array(aggtranstype::regtype, aggmtranstype::regtype,
				aggsortop::regoperator)) AS facts
			FROM pg_aggregate a JOIN pg_proc p ON p.oid = aggfnoid JOIN pg_namespace n ON n.oid = pronamespace
			WHERE ${USER_SCHEMA}`,
		language: `SELECT lanname::text AS identity, jsonb_build_array(${owner('lanowner')}, ${acl('l', 'lanacl', 'lanowner')},
				lanpltrusted, lanplcallfoid::regprocedure, laninline::regprocedure, lanvalidator::regprocedure) AS facts
			FROM pg_language`,
		transform: `SELECT format('%s for %s', trftype::regtype, lanname) AS identity,
				jsonb_build_array(trffromsql::regprocedure, trftosql::regprocedure) AS facts
			FROM pg_transform JOIN pg_language l ON l.oid = trflang`,
		'event trigger': `SELECT evtname::text AS identity, jsonb_build_array(evtevent, ${owner('evtowner')},
				evtfoid::regprocedure, evtenabled, evttags) AS facts FROM pg_event_trigger`,
		'access method': `SELECT amname::text AS identity, jsonb_build_array(amhandler::regproc, amtype) AS facts FROM pg_am`,
	};
}

function types(): Record<string, string> {
	return {
		type: `SELECT t.oid::regtype::text AS identity, jsonb_build_array(${owner('typowner')}, ${acl('T', 'typacl', 'typowner')},
				typtype, typlen, typbyval, typcategory, typispreferred, typisdefined, typdelim, typelem::regtype, typinput::regproc,
				typoutput::regproc, typalign, typstorage, typnotnull, format_type(typbasetype, typtypmod),
				typcollation::regcollation, typdefault,
				(SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
				(SELECT jsonb_build_array(rngsubtype::regtype, rngmultitypid::regtype, rngcollation::regcollation,
					rngsubdiff::regproc, rngcanonical::regproc) FROM pg_range WHERE rngtypid = t.oid)) AS facts
			FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE ${USER_SCHEMA}`,
		cast: `SELECT format('%s as %s', castsource::regtype, casttarget::regtype) AS identity,
				jsonb_build_array(castfunc::regprocedure, castcontext, castmethod) AS facts FROM pg_cast`,
		collation: `SELECT format('%I.%I', n.nspname, collname) AS identity, to_jsonb(c) - 'oid' - 'collnamespace' - 'collowner'
				|| jsonb_build_object('owner', ${owner('collowner')}) AS facts
			FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace WHERE ${USER_SCHEMA}`,
		conversion: `SELECT format('%I.%I', n.nspname, conname) AS identity, to_jsonb(c) - 'oid' - 'connamespace' - 'conowner'
				|| jsonb_build_object('owner', ${owner('conowner')}) AS facts
			FROM pg_conversion c JOIN pg_namespace n ON n.oid = connamespace WHERE ${USER_SCHEMA}`,
	};
}

function operators(): Record<string, string> {
	return {
		operator: `SELECT o.oid::regoperator::text AS identity, jsonb_build_array(${owner('oprowner')}, oprcanmerge, oprcanhash,
				oprresult::regtype, oprcom::regoperator, oprnegate::regoperator, oprcode::regprocedure, oprrest::regproc,
				oprjoin::regproc) AS facts
			FROM pg_operator o JOIN pg_namespace n ON n.oid = oprnamespace WHERE ${USER_SCHEMA}`,
		'operator class': `SELECT ${identified('pg_opclass', 'o.oid')} AS identity, jsonb_build_array(${owner('opcowner')},
				${identified('pg_opfamily', 'opcfamily')}, opcintype::regtype, opcdefault, opckeytype::regtype) AS facts
			FROM pg_opclass o JOIN pg_namespace n ON n.oid = opcnamespace WHERE ${USER_SCHEMA}`,
		'operator family': `SELECT ${identified('pg_opfamily', 'f.oid')} AS identity, jsonb_build_array(${owner('opfowner')},
				(SELECT array_agg(format('%s %s %s', amopstrategy, amoppurpose, amopopr::regoperator) ORDER BY amopstrategy,
					amopopr::regoperator::text) FROM pg_amop WHERE amopfamily = f.oid),
				(SELECT array_agg(format('%s %s', amprocnum, amproc::regprocedure) ORDER BY amprocnum, amproc::regprocedure::text)
					FROM pg_amproc WHERE amprocfamily = f.oid)) AS facts
			FROM pg_opfamily f JOIN pg_namespace n ON n.oid = opfnamespace WHERE ${USER_SCHEMA}`,
	};
}

function search(): Record<string, string> {
	return {
		'text search configuration': `SELECT ${identified('pg_ts_config', 'c.oid')} AS identity, jsonb_build_array(
				${owner('cfgowner')}, ${identified('pg_ts_parser', 'cfgparser')}, (SELECT array_agg(format('%s %s', maptokentype,
				mapdict::regdictionary) ORDER BY maptokentype, mapseqno) FROM pg_ts_config_map WHERE mapcfg = c.oid)) AS facts
			FROM pg_ts_config c JOIN pg_namespace n ON n.oid = cfgnamespace WHERE ${USER_SCHEMA}`,
		'text search dictionary': `SELECT ${identified('pg_ts_dict', 'd.oid')} AS identity, jsonb_build_array(
				${owner('dictowner')}, ${identified('pg_ts_template', 'dicttemplate')}, dictinitoption) AS facts
			FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = dictnamespace WHERE ${USER_SCHEMA}`,
		'text search template': `SELECT ${identified('pg_ts_template', 't.oid')} AS identity,
				jsonb_build_array(tmplinit::regproc, tmpllexize::regproc) AS facts
			FROM pg_ts_template t JOIN pg_namespace n ON n.oid = tmplnamespace WHERE ${USER_SCHEMA}`,
		'text search parser': `SELECT ${identified('pg_ts_parser', 'p.oid')} AS identity, to_jsonb(p) - 'oid' - 'prsnamespace' AS facts
			FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = prsnamespace WHERE ${USER_SCHEMA}`,
	};
}

function others(): Record<string, string> {
	return {
		extension: `SELECT extname::text AS identity, jsonb_build_array(${owner('extowner')}, extnamespace::regnamespace, extversion,
				(SELECT array_agg(format('%s %s', c.oid::regclass, extcondition[i]) ORDER BY i) FROM unnest(extconfig) WITH ORDINALITY
				u (oid, i) JOIN pg_class c USING (oid))) AS facts FROM pg_extension`,
		dependency: `SELECT ${identified('pg_extension', 'refobjid')} || ' ' || deptype::text || ' ' || (pg_identify_object(classid, objid, objsubid)).identity
				AS identity, 'null'::jsonb AS facts FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND deptype IN ('e', 'x')`,
		'foreign data wrapper': `SELECT fdwname::text AS identity, jsonb_build_array(${owner('fdwowner')},
				${acl('F', 'fdwacl', 'fdwowner')}, fdwhandler::regproc, fdwvalidator::regproc, ${sorted('fdwoptions')}) AS facts
			FROM pg_foreign_data_wrapper`,
		server: `SELECT srvname::text AS identity, jsonb_build_array(${owner('srvowner')}, ${acl('S', 'srvacl', 'srvowner')}, srvtype,
				srvversion, ${sorted('srvoptions')}, fdwname) AS facts
			FROM pg_foreign_server JOIN pg_foreign_data_wrapper f ON f.oid = srvfdw`,
		'user mapping': `SELECT format('%s at %s', usename, srvname) AS identity, to_jsonb(${sorted('umoptions')}) AS facts FROM pg_user_mappings`,
		publication: `SELECT pubname::text AS identity, to_jsonb(p) - 'oid' - 'pubowner' || jsonb_build_object('owner',
				${owner('pubowner')}, 'tables', (SELECT array_agg(format('%s %s %s', prrelid::regclass, pg_get_expr(prqual, prrelid),
					(SELECT string_agg(attname, ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY
					(prattrs))) ORDER BY prrelid::regclass::text) FROM pg_publication_rel WHERE prpubid = p.oid),
				'schemas', (SELECT array_agg(pnnspid::regnamespace::text ORDER BY pnnspid::regnamespace::text)
					FROM pg_publication_namespace WHERE pnpubid = p.oid)) AS facts FROM pg_publication p`,
		subscription: `SELECT subname::text AS identity, to_jsonb(s) - 'oid' - 'subdbid' - 'subowner' || jsonb_build_object('owner',
				${owner('subowner')}) AS facts FROM pg_subscription s
			WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
		'default privileges': `SELECT format('%s %s %s', ${owner('defaclrole')}, defaclnamespace::regnamespace, defaclobjtype) AS identity,
				to_jsonb(${sorted('defaclacl::text[]')}) AS facts FROM pg_default_acl`,
		'changed privileges': `SELECT (pg_identify_object(classoid, objoid, objsubid)).identity AS identity,
				to_jsonb(${sorted('coalesce(relacl, proacl, lanacl)::text[]')}) AS facts
			FROM pg_init_privs LEFT JOIN pg_class c ON c.oid = objoid AND classoid = 'pg_class'::regclass
				LEFT JOIN pg_proc p ON p.oid = objoid AND classoid = 'pg_proc'::regclass
				LEFT JOIN pg_language l ON l.oid = objoid AND classoid = 'pg_language'::regclass WHERE objsubid = 0`,
		comment: `SELECT format('%s %s', i.type, i.identity) AS identity, to_jsonb(description) AS facts
			FROM pg_description, pg_identify_object(classoid, objoid, objsubid) i
			WHERE objoid >= 16384 OR i.identity = 'public'`,
	};
}
