/**
 * What an archive of an instance holds: a tar that, unpacked by stock tools, is a folder that n8n starts from (as N8N_USER_FOLDER). Small
 * members come first, each a part of its own, so that they are read without the database.
 *
 *   instance.json           what the backup is of, and what else it needs
 *   .n8n/config             the encryption key, in n8n's own file
 *   .n8n/nodes/package.json the community packages
 *   .n8n/database.sqlite    where n8n runs on SQLite
 */
import { z } from 'zod';

import { factsSchema } from './facts';
import { fingerprintSchema } from './fingerprint';

export const MEMBERS = {
	instance: 'instance.json',
	config: '.n8n/config',
	packages: '.n8n/nodes/package.json',
	database: '.n8n/database.sqlite',
} as const;
export type MemberType = keyof typeof MEMBERS;

/** The type of the part that ends the tar. */
export const END_PART = 'end';

/** What small members may have, in bytes: they are read whole. */
export const MEMBER_BYTES = 16 * 1024 * 1024;

const backupId = z.string().uuid();

/** Longer ones are no names. They go into questions to databases, and into the arguments of a process, which have a limit. */
const MOST_NAME = 1000;

/** What the manifest says of an instance, as its `source`. No secrets. */
export const instanceSourceSchema = z.object({
	system: z.literal('n8n'),
	/** Of n8n; `unknown` where it could not be found. */
	version: z.string(),
	/** Where its users reach it: what tells one instance from another. */
	server: z.string(),
	/** `regular` or `queue`. */
	mode: z.string(),
	database: z.discriminatedUnion('type', [
		z.object({ type: z.literal('sqlite') }),
		z.object({
			type: z.literal('postgresdb'),
			host: z.string(),
			port: z.number(),
			database: z.string(),
			schema: z.string(),
			/** Of the backup of this database. */
			backup: backupId,
		}),
	]),
	tablePrefix: z.string().max(MOST_NAME),
	lastMigration: z.string().nullable(),
	packages: factsSchema.shape.packages,
	/** Names of the variables that n8n is run with. Their values are in no backup. */
	variables: z.array(z.string()),
	binaryData: z.object({
		mode: z.string(),
		inFolder: z.boolean(),
		/** Below .n8n, where it lies there: `storage`, or `binaryData` as older versions called it. */
		folder: z.enum(['storage', 'binaryData']),
		/** Of the backup of its folder; null where that was not asked for, or it is not in a folder. */
		backup: backupId.nullable(),
	}),
	key: fingerprintSchema,
});
export type InstanceSource = z.infer<typeof instanceSourceSchema>;

/** Raised where an older version would misread an archive. */
export const INSTANCE_FORMAT = 1;

/** The member instance.json: the same, and what a key is tried on where the database is in another archive. */
export const instanceSchema = z.object({
	format: z.literal('n8n-instance'),
	formatVersion: z.literal(INSTANCE_FORMAT),
	source: instanceSourceSchema,
	probe: factsSchema.shape.probe.nullable(),
});
export type InstanceDocument = z.infer<typeof instanceSchema>;

/** Names and versions as npm has them: of whatever else a database or an archive may name, npm could fetch it from anywhere. */
const PACKAGE_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const PACKAGE_VERSION = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

/** Whether n8n can install a community package by its name and version again. */
export function canBeInstalled({ name, version }: InstanceSource['packages'][number]): boolean {
	return PACKAGE_NAME.test(name) && PACKAGE_VERSION.test(version);
}

/** As n8n writes it (`community-packages.service.ts`), with the versions that were there, of the packages that can be installed. */
export function packagesFile(packages: InstanceSource['packages']): string {
	const dependencies = Object.fromEntries(
		packages.filter(canBeInstalled).map(({ name, version }) => [name, version] as const),
	);
	return `${JSON.stringify({ name: 'installed-nodes', private: true, dependencies }, null, 2)}\n`;
}
