module.exports = { documents: ['./Overview.graphql'], output: '../made/apollo/manifest.json' };
