import { type DrilledBackup, systemOf } from '../../engine';

/** What the fields of this node are called for each system, and what to do so that its backups are restored for a test. */
interface SystemWords {
	/** The field that says where its backups are restored for a test. */
	field: string;
	/** What is chosen there. */
	place: 'server' | 'folder' | 'bucket';
	/** What to do, by what kept a backup from being restored. */
	advice: Partial<Record<NonNullable<DrilledBackup['notRestored']>, string>>;
}

const WORDS: Record<string, SystemWords> = {
	postgres: {
		field: 'PostgreSQL Into',
		place: 'server',
		advice: {
			tooLarge: 'Raise Max Size (MB), or choose a scratch server in PostgreSQL Into.',
			noMemory: 'Give n8n more memory, or choose a scratch server in PostgreSQL Into.',
			noProgram: 'Name the program of a server in Postgres Program, or leave postgres-base out with Kinds.',
		},
	},
	qdrant: {
		field: 'Qdrant Into',
		place: 'server',
		advice: {
			noWay: 'Qdrant takes a snapshot of its whole storage at its start only: back up the collections as well.',
			noPlace: 'Choose a scratch server in Qdrant Into, or leave Qdrant out with Kinds.',
		},
	},
	files: {
		field: 'Files Into',
		place: 'folder',
		advice: { noPlace: 'Choose a folder in Files Into, or leave files out with Kinds.' },
	},
	n8n: {
		field: 'Files Into',
		place: 'folder',
		advice: {
			noWay: 'Workflows are verified by their content: to bring them back for a test takes an n8n of its own.',
			noPlace: 'Choose a folder in Files Into, or leave n8n out with Kinds.',
		},
	},
	minio: {
		field: 'Buckets Into',
		place: 'bucket',
		advice: { noPlace: 'Choose a scratch bucket in Buckets Into, or leave MinIO and S3 out with Kinds.' },
	},
};

/** Advice for kinds that are restored otherwise than the rest of their system. */
const ADVICE_OF_KINDS: Record<string, SystemWords['advice']> = {
	'postgres-globals': { noMemory: 'Give n8n more memory: roles are restored inside n8n in any case.' },
};

/** The files of others that can be restored for a test, in plain words. */
export const RESTORABLE_FILES = 'SQL dumps and snapshots of collections';

/** The field that says where backups of a system are restored for a test: `Qdrant Into`. */
export function placeField(system: string | undefined): string {
	return (system !== undefined && WORDS[system]?.field) || 'the field of its system';
}

/** What that field chooses: a server, a folder, or a bucket. */
export function placeNoun(system: string | undefined): string {
	return (system !== undefined && WORDS[system]?.place) || 'server';
}

/** What to do so that a backup is restored for a test the next time; undefined where it was. */
export function restoreAdvice({ kind, notRestored }: Pick<DrilledBackup, 'kind' | 'notRestored'>): string | undefined {
	if (notRestored === null) return undefined;
	const system = systemOf(kind);
	const known = system === undefined ? undefined : WORDS[system]?.advice[notRestored];
	return ADVICE_OF_KINDS[kind]?.[notRestored] ?? known ?? generalAdvice(notRestored, system);
}

function generalAdvice(notRestored: NonNullable<DrilledBackup['notRestored']>, system: string | undefined): string {
	if (notRestored === 'noWay') return 'Restore such a backup by hand now and then, to know that it can be.';
	return `Choose a scratch ${placeNoun(system)} in ${placeField(system)}.`;
}
