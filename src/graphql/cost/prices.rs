//! The price of each field, read once from the printed schema.

use std::collections::{HashMap, HashSet};

use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, ServiceDocument, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// A schema whose text cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the printed schema cannot be read: {0}")]
pub struct BadSchema(#[from] async_graphql::parser::Error);

/// What the fields of a schema cost: a connection its page times what is asked of an item, a span of time that is divided
/// 1 for each of its intervals, an object that holds scalars alone nothing, any other object and any mutation 1.
#[derive(Debug)]
pub struct Prices {
    pub(super) query: String,
    pub(super) mutation: String,
    pub(super) subscription: String,
    types: HashMap<String, TypePrices>,
}

#[derive(Debug)]
struct TypePrices {
    /// An interface or a union.
    is_abstract: bool,
    fields: HashMap<String, FieldPrice>,
}

#[derive(Debug)]
pub struct FieldPrice {
    /// The name of its type, without lists and exclamation marks.
    pub of: String,
    /// What the object itself costs: 0 or 1.
    pub own: u32,
    pub count: Count,
}

/// How many there are of what is asked below a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    One,
    /// As long as it is.
    List,
    /// One, with as many items as `first` or `last` asks for.
    Page {
        default: Option<u32>,
    },
    /// A list of as many as `first` or `last` asks for.
    PageOfItems {
        default: Option<u32>,
    },
    /// As many as `ids` names.
    Ids,
    /// One, which is made of as many intervals as `interval` divides the days from `from` to `to` into.
    Intervals,
}

impl Prices {
    /// Reads the prices from the schema's text.
    ///
    /// # Errors
    /// `BadSchema`.
    pub fn read(sdl: &str) -> Result<Prices, BadSchema> {
        let document = parse_schema(sdl)?;
        let shapes = Shapes::of(&document);
        let mut prices = Prices {
            query: "Query".to_owned(),
            mutation: "Mutation".to_owned(),
            subscription: "Subscription".to_owned(),
            types: HashMap::new(),
        };
        for definition in &document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = &schema.node;
                    for (root, named) in [
                        (&mut prices.query, &schema.query),
                        (&mut prices.mutation, &schema.mutation),
                        (&mut prices.subscription, &schema.subscription),
                    ] {
                        if let Some(name) = named {
                            name.node.as_str().clone_into(root);
                        }
                    }
                }
                TypeSystemDefinition::Type(definition) => {
                    let definition = &definition.node;
                    let name = definition.name.node.as_str();
                    let price = |field: &FieldDefinition| shapes.price(name, field);
                    let fields =
                        fields(definition).map(|field| (field.name.node.to_string(), price(field))).collect();
                    let is_abstract = matches!(definition.kind, TypeKind::Interface(_) | TypeKind::Union(_));
                    prices.types.insert(name.to_owned(), TypePrices { is_abstract, fields });
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        // Whatever a mutation answers with, it does something.
        if let Some(mutations) = prices.types.get_mut(&prices.mutation) {
            mutations.fields.values_mut().for_each(|price| price.own = 1);
        }
        Ok(prices)
    }

    pub(super) fn field(&self, of: &str, name: &str) -> Option<&FieldPrice> {
        self.types.get(of)?.fields.get(name)
    }

    /// The name of the type of a field; none for a field that there is not.
    pub fn type_of(&self, of: &str, name: &str) -> Option<&str> {
        Some(&self.field(of, name)?.of)
    }

    pub(super) fn is_abstract(&self, name: &str) -> bool {
        self.types.get(name).is_some_and(|prices| prices.is_abstract)
    }
}

fn fields(definition: &TypeDefinition) -> impl Iterator<Item = &FieldDefinition> {
    let fields = match &definition.kind {
        TypeKind::Object(object) => object.fields.as_slice(),
        TypeKind::Interface(interface) => interface.fields.as_slice(),
        TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => &[],
    };
    fields.iter().map(|field| &field.node)
}

/// Which types cost nothing by themselves.
struct Shapes<'a> {
    free: HashSet<&'a str>,
}

impl<'a> Shapes<'a> {
    fn of(document: &'a ServiceDocument) -> Shapes<'a> {
        let types = || {
            document.definitions.iter().filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => Some(&definition.node),
                TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
            })
        };
        let leaves =
            types().filter(|definition| matches!(definition.kind, TypeKind::Scalar | TypeKind::Enum(_)));
        let mut free: HashSet<&str> = leaves.map(|definition| definition.name.node.as_str()).collect();
        free.extend(["Int", "Float", "String", "Boolean", "ID"]);
        let objects = types().filter(|definition| is_wrapper(definition) || is_value(definition, &free));
        let objects: Vec<&str> = objects.map(|definition| definition.name.node.as_str()).collect();
        free.extend(objects);
        Shapes { free }
    }

    fn price(&self, parent: &str, field: &FieldDefinition) -> FieldPrice {
        let of = base_name(&field.ty.node);
        let is_list = is_list(&field.ty.node);
        let argument = |name: &str| {
            field.arguments.iter().map(|argument| &argument.node).find(|argument| argument.name.node == name)
        };
        let count = if let Some(first) = argument("first") {
            let default = first.default_value.as_ref().and_then(|value| match &value.node {
                Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
                _ => None,
            });
            if is_list { Count::PageOfItems { default } } else { Count::Page { default } }
        } else if is_list && argument("ids").is_some() {
            Count::Ids
        } else if argument("interval").is_some() {
            Count::Intervals
        } else if is_list && !parent.ends_with("Connection") {
            Count::List
        } else {
            Count::One
        };
        // The results of a batch are in the price of its mutation.
        let is_result = is_list && parent.ends_with("Payload");
        let own = u32::from(!is_result && !self.free.contains(of));
        FieldPrice { of: of.to_owned(), own, count }
    }
}

/// A connection and its edges are but the way to the items.
fn is_wrapper(definition: &TypeDefinition) -> bool {
    let has = |name: &str| fields(definition).any(|field| field.name.node == name);
    (has("edges") && has("pageInfo")) || (has("node") && has("cursor"))
}

/// An object that holds scalars alone, such as an amount or a period. What has an id is looked up by it.
fn is_value(definition: &TypeDefinition, leaves: &HashSet<&str>) -> bool {
    matches!(&definition.kind, TypeKind::Object(object) if object.implements.is_empty())
        && fields(definition).all(|field| leaves.contains(base_name(&field.ty.node)))
}

fn base_name(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(items) => base_name(items),
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}
