/** Where workflows are read from, for a comparison or an import: a file, or an n8n. */
import { Readable } from 'node:stream';

import { type ArchiveReader, decryptMessage, type DecryptionKeys, unpack } from '../../archive';
import { BackupError } from '../../errors';
import { aheadOf } from '../../parallel';
import type { Storage } from '../../storage';
import type { N8nApi } from '../api';
import type { BesideVisitor } from './beside/read';
import { type BesideState, stateOfFile, stateOfInstance } from './beside/state';
import { type Chosen } from './choice';
import { listWorkflows, type WorkflowName } from './list';
import { readWorkflows, type WorkflowFile } from './read';
import { asWorkflow, type Workflow } from './workflow';

/** Workflows that can be read one after the other, several times over. */
export interface WorkflowSide {
	/** For messages and items. */
	name: string;
	/** What could not be made certain while they were read; each time the same is told once. */
	readonly warnings: ReadonlySet<string>;
	/** Calls `visit` for each of them and waits for it. */
	each(visit: (workflow: Workflow) => void | Promise<void>, signal?: AbortSignal): Promise<void>;
	/**
	 * What lies beside them; nothing, where that is not told.
	 * @param like Of an n8n, only of the kinds that this state tells of, and nothing without it.
	 */
	beside(signal?: AbortSignal, like?: BesideState): Promise<BesideState>;
	/** Of a file: reads what lies beside them, with the rows of data tables. */
	readBeside?(visitor: BesideVisitor, signal?: AbortSignal): Promise<void>;
}

/** Workflows asked for at once. */
const AT_ONCE = 4;

/** The workflows of an archive of ours. */
export function archiveSide(reader: ArchiveReader, isChosen: Chosen): WorkflowSide {
	const { kind, file } = reader.manifest;
	if (kind !== 'n8n-workflows') {
		throw new BackupError('INVALID_INPUT', `The backup ${file} holds ${kind}, not workflows of n8n.`, {
			hint: 'Choose a backup that Export Workflows has made.',
		});
	}
	return fileSide({ name: file, open: (signal) => reader.raw(signal) }, isChosen);
}

/** A file that n8n, or a person, has made. */
export interface ForeignWorkflows {
	storage: Storage;
	key: string;
	/** For files encrypted with gpg. */
	keys?: DecryptionKeys | undefined;
	/** Refuses a file that is not encrypted: whoever holds the storage could have put it there. Default false. */
	mustBeEncrypted?: boolean;
}

/** The workflows of a file: plain, or in gzip, zstd or OpenPGP. */
export function foreignSide(file: ForeignWorkflows, isChosen: Chosen): WorkflowSide {
	const { storage, key, keys, mustBeEncrypted = false } = file;
	const name = key.slice(key.lastIndexOf('/') + 1);
	const open = async (signal?: AbortSignal) => {
		const { wrappers, stream } = await unpack(await storage.read(key, signal ? { signal } : {}), {
			signal,
			...(keys && { decrypt: (message) => decryptMessage(message, keys, signal) }),
		});
		if (!mustBeEncrypted || wrappers.includes('openpgp')) return stream;
		await stream[Symbol.asyncIterator]().return?.();
		throw new BackupError('NOT_AUTHENTIC', `${name} is not encrypted, and Require Encryption is on.`, {
			hint: 'If it was made without encryption, switch Require Encryption off, or select no encryption credential.',
		});
	};
	return fileSide({ name, open }, isChosen);
}

function fileSide(file: WorkflowFile, isChosen: Chosen): WorkflowSide {
	return {
		name: file.name,
		warnings: new Set(),
		each: async (visit, signal) => {
			const visitChosen = async (workflow: Workflow) => {
				if (isChosen(workflow)) await visit(workflow);
			};
			const { workflows } = await readWorkflows(file, visitChosen, { signal });
			if (workflows > 0) return;
			throw new BackupError('INVALID_INPUT', `${file.name} holds no workflows of n8n.`, {
				hint: 'Choose a file that Export has made, n8n export:workflow, or Download in the editor of n8n.',
			});
		},
		beside: async (signal) => await stateOfFile(file, signal),
		readBeside: async (visitor, signal) => void (await readWorkflows(file, () => {}, { signal, beside: visitor })),
	};
}

/** The workflows of an n8n as they are now. */
export function instanceSide(api: N8nApi, isChosen: Chosen): WorkflowSide {
	const warnings = new Set<string>();
	return {
		name: api.instance,
		warnings,
		each: async (visit, signal) => {
			const { workflows, warnings: told } = await listWorkflows(api, isChosen, { signal });
			for (const warning of told) warnings.add(warning);
			const names = Readable.from(workflows) as AsyncIterable<WorkflowName>;
			for await (const [, found] of aheadOf(names, AT_ONCE, async ({ id }) => await api.workflow(id, signal))) {
				const workflow = found && asWorkflow(found);
				if (workflow) await visit(workflow);
			}
		},
		beside: async (signal, like) => await stateOfInstance(api, like ?? new Map(), warnings, signal),
	};
}
