import { join } from 'node:path';
import type { ICredentialType, INodeProperties, INodePropertyCollection, INodeType } from 'n8n-workflow';

import { n8n } from '../../../package.json';

const ROOT = join(__dirname, '..', '..', '..');

/** What a page may call things when it speaks of a node. */
export interface NodeNames {
	title: string;
	/** As templates name it. */
	type: string;
	operations: string[];
	/** Operations, fields, their options, and outputs. */
	all: string[];
}

/** A field or an option with all that is inside it. */
function namesIn(entry: INodeProperties | INodePropertyCollection | { name: string }): string[] {
	if ('values' in entry) return [entry.displayName, ...entry.values.flatMap(namesIn)];
	if (!('displayName' in entry)) return [entry.name];
	const modes = (entry.modes ?? []).map(({ displayName }) => displayName);
	return [entry.displayName, ...modes, ...(entry.options ?? []).flatMap(namesIn)];
}

/** One object of each class that n8n is told of in package.json, where its compiled file stands. */
async function instances<T>(files: string[]): Promise<T[]> {
	return await Promise.all(
		files.map(async (file) => {
			const source = join(ROOT, file.replace(/^dist\//, '').replace(/\.js$/, '.ts'));
			const [found] = Object.values((await import(source)) as Record<string, new () => T>);
			return new (found as new () => T)();
		}),
	);
}

export const NODES: NodeNames[] = (await instances<INodeType>(n8n.nodes)).map(({ description }) => ({
	title: description.displayName,
	type: `n8n-nodes-stack-backup.${description.name}`,
	operations: description.properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options = [] }) => options.map(({ name }) => name)),
	all: [...description.properties.flatMap(namesIn), ...(description.outputNames ?? [])],
}));

/** Fields of all credentials, and their options. */
export const CREDENTIAL_FIELDS = (await instances<ICredentialType>(n8n.credentials)).flatMap(({ properties }) =>
	properties.flatMap(namesIn),
);
