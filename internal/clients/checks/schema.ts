// The printed schema, read by what reads schemas.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { composeServices as composeApollo } from '@apollo/composition';
import { composeServices as composeGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { check, equal, hold, made, type Gateway } from './harness';

const load = createRequire(import.meta.url);

export async function schemaChecks(gateway: Gateway) {
  const sdl = readFileSync(`${made}schema.graphql`, 'utf8');
  await check('/schema.graphql is what "zoomql schema" prints', async () => {
    const served = await fetch(new URL('/schema.graphql', gateway.url));
    equal((await served.text()).trimEnd() === sdl.trimEnd(), true, 'they are the same');
  });
  for (const [name, version] of [['graphql-15', '15.'], ['graphql', '16.'], ['graphql-17', '17.']] as const) {
    const js = load(name) as typeof import('graphql');
    await check(`graphql-js ${js.version}: builds the printed schema, as introspection does`, async () => {
      hold(js.version.startsWith(version), `this is graphql-js ${js.version}`);
      const built = js.buildSchema(sdl);
      equal(js.validateSchema(built).map(String), [], 'what is wrong in the schema');
      const question = js.getIntrospectionQuery({ schemaDescription: true, directiveIsRepeatable: true, ...(version !== '15.' && { specifiedByUrl: true, inputValueDeprecation: true }), ...(version !== '15.' && { oneOf: true }) });
      const { data, errors } = await gateway.ask({ query: question });
      equal(errors, undefined, 'errors of the introspection');
      const told = js.buildClientSchema(data);
      equal(js.findBreakingChanges(built, told).map((c) => c.description), [], 'what introspection lacks');
      // What @deprecated takes is not the same in every version.
      equal(js.findBreakingChanges(told, built).map((c) => c.description).filter((d) => !/\bdeprecated\b/.test(d)), [], 'what the printed schema lacks');
      if (version !== '15.') {
        const oneOf = (schema: object) => Object.values((schema as ReturnType<typeof js.buildSchema>).getTypeMap()).filter((t) => js.isInputObjectType(t) && t.isOneOf).map(String).sort();
        hold(oneOf(built).length > 5, 'no input object is @oneOf');
        equal(oneOf(told), oneOf(built), 'the @oneOf input objects of introspection');
      }
    });
  }
  await check('the printed schema defines each type once and extends none', () => {
    const names = parse(sdl).definitions.map((d) => `${d.kind} ${'name' in d && d.name ? d.name.value : ''}`);
    equal(names.filter((n) => /^\w+Extension /.test(n)), [], 'extensions');
    equal(names.length, new Set(names).size, 'definitions');
  });
  const subgraphs = [
    { name: 'zoom', url: gateway.url, typeDefs: parse(sdl) },
    { name: 'shop', url: 'http://shop.example/graphql', typeDefs: parse('type Query { products: [Product!]! } type Product { id: ID! }') },
  ];
  await check('Apollo composes it with another subgraph', () => {
    const result = composeApollo(subgraphs);
    equal(result.errors?.map((e) => e.message), undefined, 'errors');
    hold(result.supergraphSdl?.includes('MeetingBy'), 'the supergraph has no MeetingBy');
  });
  await check("The Guild's composition composes it with another subgraph", () => {
    const result = composeGuild(subgraphs);
    equal(result.errors?.map((e) => e.message), undefined, 'errors');
    hold(result.supergraphSdl?.includes('MeetingBy'), 'the supergraph has no MeetingBy');
  });
}
