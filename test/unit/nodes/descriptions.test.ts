import {
	type INodeProperties,
	type INodePropertyCollection,
	type INodePropertyOptions,
	type INodeType,
	NodeHelpers,
} from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import { BackupCopy } from '../../../nodes/BackupCopy/BackupCopy.node';
import { BackupReport } from '../../../nodes/BackupReport/BackupReport.node';
import { FilesArchive } from '../../../nodes/FilesArchive/FilesArchive.node';
import { MinioMirror } from '../../../nodes/MinioMirror/MinioMirror.node';
import { N8nExport } from '../../../nodes/N8nExport/N8nExport.node';
import { PostgresDump } from '../../../nodes/PostgresDump/PostgresDump.node';
import { PostgresPitr } from '../../../nodes/PostgresPitr/PostgresPitr.node';
import { PruneRetention } from '../../../nodes/PruneRetention/PruneRetention.node';
import { QdrantSnapshot } from '../../../nodes/QdrantSnapshot/QdrantSnapshot.node';
import { VerifyArchive } from '../../../nodes/VerifyArchive/VerifyArchive.node';

const NODES = [
	new BackupCopy(),
	new BackupReport(),
	new FilesArchive(),
	new MinioMirror(),
	new N8nExport(),
	new PostgresDump(),
	new PostgresPitr(),
	new PruneRetention(),
	new QdrantSnapshot(),
	new VerifyArchive(),
];
const DESCRIPTIONS = NODES.map(({ description }) => description);

/** A field with those inside it. */
function withInner(property: INodeProperties): INodeProperties[] {
	if (property.type === 'collection') return [property, ...(property.options as INodeProperties[]).flatMap(withInner)];
	if (property.type !== 'fixedCollection') return [property];
	return [
		property,
		...(property.options as INodePropertyCollection[]).flatMap(({ values }) => values.flatMap(withInner)),
	];
}

/** Of each resource that a node has, its operations. */
function operationsOf({ properties }: (typeof DESCRIPTIONS)[number]) {
	return properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options, displayOptions }) => {
			const [resource] = displayOptions!.show!['resource'] as [string];
			return (options as INodePropertyOptions[]).map(({ value, action }) => ({ resource, value, action }));
		});
}

describe.each(DESCRIPTIONS)('$displayName', (description) => {
	const { properties, credentials = [] } = description;
	const { methods }: INodeType = NODES.find((node) => node.description === description)!;
	const all = properties.flatMap(withInner);

	it('has no field that n8n takes for the one that chooses how to log in, and hides', () => {
		const shows = credentials.flatMap(({ displayOptions }) => Object.entries(displayOptions?.show ?? {}));
		const hidden = properties.filter(({ name, options = [] }) => {
			if (options.length === 0) return false;
			const asked = shows.filter(([field]) => field === name).flatMap(([, values]) => values as unknown[]);
			return asked.length > 0 && options.every((option) => 'value' in option && asked.includes(option.value));
		});
		expect(hidden.map(({ name }) => name)).toEqual([]);
	});

	it.each(operationsOf(description))('is called after the action "$action"', ({ resource, value, action }) => {
		// What n8n's editor has of a node that was just added.
		const added = NodeHelpers.getNodeParameters(
			properties,
			{ resource, operation: value },
			true,
			false,
			null,
			description,
		)!;
		expect(NodeHelpers.makeNodeName(added, description)).toBe(action);
		expect(action).toMatch(/^[A-Z][a-z]+ [a-z ]+$/);
	});

	it('has no field of one name and two types: what was filled in before would stay, and be wrong', () => {
		const types = new Map<string, Set<string>>();
		for (const { name, type } of properties) types.set(name, (types.get(name) ?? new Set()).add(type));
		expect([...types].filter(([, found]) => found.size > 1)).toEqual([]);
	});

	it('offers what is on a server from a list, and by a text as well', () => {
		const single = all.filter(({ type, typeOptions }) => type === 'options' && typeOptions?.loadOptionsMethod);
		expect(single.map(({ name }) => name)).toEqual([]);
		for (const { name, modes = [] } of all.filter(({ type }) => type === 'resourceLocator')) {
			const [list, ...others] = modes;
			expect(list, name).toMatchObject({ name: 'list', type: 'list', typeOptions: { searchable: true } });
			expect(Object.keys(methods?.listSearch ?? {})).toContain(list!.typeOptions!.searchListMethod);
			expect(others.length, name).toBeGreaterThan(0);
			for (const mode of others) expect(mode.placeholder, name).toMatch(/^e\.g\. /);
		}
	});

	it('shows its credentials before all fields, each once', () => {
		expect(properties[0]!.type).toBe('credentials');
		// n8n looks only at the first of a name.
		expect(new Set(credentials.map(({ name }) => name)).size).toBe(credentials.length);
	});
});

/** What moves the content of backups through n8n, or only looks, changes notes, or deletes; by how operations are called. */
const MOVES = /^(backUp|baseBackup|archive|restore|recover|import|export|mirror|copy|takeIn|verify|drill)/;
const LOOKS = /^(list|get|check|create|prune|dryRun|pin|unpin|delete|drop|switch|note)/;
/** They read whole archives, too, where they are asked to. */
const COMPARES = /^compare/;

it.each(DESCRIPTIONS)(
	'$displayName: what moves data has a Bandwidth Limit, and nothing else has one',
	(description) => {
		const operations = operationsOf(description);
		expect(
			operations.filter(({ value }) => [MOVES, LOOKS, COMPARES].filter((one) => one.test(`${value}`)).length !== 1),
		).toEqual([]);
		for (const { resource, value } of operations) {
			const collections = description.properties.filter(({ name, displayOptions: { show = {} } = {} }) => {
				const isShown = (field: string, wanted: unknown) => !show[field] || show[field].includes(wanted as string);
				return name === 'options' && isShown('resource', resource) && isShown('operation', value);
			});
			const limited = collections.filter(({ options = [] }) => options.some(({ name }) => name === 'bandwidthLimit'));
			if (MOVES.test(`${value}`)) expect(limited.length, `${resource} ${value}`).toBeGreaterThan(0);
			if (!COMPARES.test(`${value}`)) {
				expect(limited, `${resource} ${value}`).toEqual(MOVES.test(`${value}`) ? collections : []);
			}
		}
	},
);

it('nodes are told apart by their names, whatever they do', () => {
	const actions = DESCRIPTIONS.flatMap(operationsOf).map(({ action }) => action);
	expect(new Set(actions).size).toBe(actions.length);
});
