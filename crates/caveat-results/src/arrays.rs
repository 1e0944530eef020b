//! Conversions of Arrow arrays that tables need: any simple type to numbers, text or dictionaries, and text to any simple type.
//!
//! Errors are in words, without the name of the column.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTemporalType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, Float16Type, Float32Type, Float64Type, Int32Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, PrimitiveArray, StringArray,
    downcast_integer, downcast_integer_array, downcast_temporal_array,
};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::take::take;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A converted array, or why it cannot be converted.
type Converted<T> = Result<T, String>;

/// Whether every value of a type can be written as text.
pub(crate) fn is_simple(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_simple(value),
        DataType::Null | DataType::Boolean | DataType::Date32 | DataType::Date64 => true,
        DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => true,
        kind => kind.is_integer() || kind.is_floating() || is_decimal(kind) || is_text(kind) || is_binary(kind),
    }
}

/// Whether a type is text, however it is encoded.
pub(crate) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

pub(crate) fn is_decimal(kind: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    matches!(kind, Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..))
}

pub(crate) fn is_binary(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// The type of text whose different values are stored once each.
pub(crate) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// An array without its dictionary, if it has one.
pub(crate) fn unpacked(array: &ArrayRef) -> Converted<ArrayRef> {
    match array.as_any_dictionary_opt() {
        // The values may be a dictionary themselves.
        Some(packed) => {
            take(packed.values(), packed.keys(), None).map_err(|e| e.to_string()).and_then(|a| unpacked(&a))
        }
        None => Ok(array.clone()),
    }
}

/// Whole numbers, null where missing. Refuses other types, and numbers beyond 64 bits.
pub(crate) fn whole_numbers(array: &ArrayRef) -> Converted<Int64Array> {
    let array = &unpacked(array)?;
    downcast_integer_array!(
        array => array.try_unary(|x| {
            i64::try_from(i128::from(x)).map_err(|_| format!("{x} is larger than any whole number that is read"))
        }),
        _ => refused(array, "whole numbers")
    )
}

/// Numbers of any type, null where missing; decimals as the nearest double. Refuses other types.
pub(crate) fn numbers(array: &ArrayRef) -> Converted<Float64Array> {
    let array = &unpacked(array)?;
    downcast_integer_array!(
        // Not every number of 64 bits is a double.
        array => Ok(array.unary(|x| x as f64)),
        DataType::Float16 => Ok(array.as_primitive::<Float16Type>().unary(f64::from)),
        DataType::Float32 => Ok(array.as_primitive::<Float32Type>().unary(f64::from)),
        DataType::Float64 => Ok(array.as_primitive::<Float64Type>().clone()),
        DataType::Null => Ok(Float64Array::new_null(array.len())),
        kind if is_decimal(kind) => {
            let number = |x: &str| x.parse().map_err(|_| format!("{x:?} is no number"));
            text(array)?.iter().map(|x| x.map(number).transpose()).collect()
        }
        _ => refused(array, "numbers")
    )
}

/// [`text`] whose different values, fewer than 2³¹, are stored once each.
pub(crate) fn dictionary(array: &ArrayRef) -> Converted<DictionaryArray<Int32Type>> {
    if let Some(packed) = array.as_any_dictionary_opt() {
        let values = text(packed.values())?;
        let keys: Int32Array = if let Some(keys) = packed.keys().as_primitive_opt::<Int32Type>() {
            keys.clone()
        } else {
            let fits = |key: Option<i64>| {
                key.map(|key| i32::try_from(key).map_err(|_| format!("the dictionary has a key of {key}"))).transpose()
            };
            whole_numbers(&packed.keys().slice(0, array.len()))?.iter().map(fits).collect::<Converted<_>>()?
        };
        return DictionaryArray::try_new(keys, Arc::new(values)).map_err(|e| e.to_string());
    }
    let text = text(array)?;
    Ok(text.iter().collect())
}

/// Every value as text: numbers with the fewest digits that read back, dates and times as in ISO 8601, moments with a time zone
/// in UTC, bytes as UTF-8. Refuses types of many values such as lists, durations, and bytes that are not UTF-8.
pub(crate) fn text(array: &ArrayRef) -> Converted<StringArray> {
    // Debug keeps the point of a float: 1.0 is not 1.
    fn debugged<T: ArrowPrimitiveType<Native: std::fmt::Debug>>(array: &PrimitiveArray<T>) -> Converted<StringArray> {
        Ok(array.iter().map(|x| x.map(|x| format!("{x:?}"))).collect())
    }
    fn decimal<T: arrow_array::types::DecimalType>(array: &PrimitiveArray<T>) -> Converted<StringArray> {
        Ok((0..array.len()).map(|k| array.is_valid(k).then(|| array.value_as_string(k))).collect())
    }
    let array = &unpacked(array)?;
    downcast_integer_array!(
        array => Ok(array.iter().map(|x| x.map(|x| x.to_string())).collect()),
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        DataType::LargeUtf8 => Ok(array.as_string::<i64>().iter().collect()),
        DataType::Utf8View => Ok(array.as_string_view().iter().collect()),
        DataType::Binary => from_bytes(array.as_binary::<i32>().iter()),
        DataType::LargeBinary => from_bytes(array.as_binary::<i64>().iter()),
        DataType::BinaryView => from_bytes(array.as_binary_view().iter()),
        DataType::Null => Ok(StringArray::new_null(array.len())),
        DataType::Boolean => Ok(array.as_boolean().iter().map(|x| x.map(|x| x.to_string())).collect()),
        DataType::Float16 => debugged::<Float32Type>(&array.as_primitive::<Float16Type>().unary(f32::from)),
        DataType::Float32 => debugged(array.as_primitive::<Float32Type>()),
        DataType::Float64 => debugged(array.as_primitive::<Float64Type>()),
        DataType::Decimal32(..) => decimal(array.as_primitive::<Decimal32Type>()),
        DataType::Decimal64(..) => decimal(array.as_primitive::<Decimal64Type>()),
        DataType::Decimal128(..) => decimal(array.as_primitive::<Decimal128Type>()),
        DataType::Decimal256(..) => decimal(array.as_primitive::<Decimal256Type>()),
        kind if kind.is_temporal() => of_time(array),
        _ => refused(array, "single values")
    )
}

fn from_bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Converted<StringArray> {
    values
        .map(|x| x.map(std::str::from_utf8).transpose().map_err(|_| "it has bytes that are no text".to_owned()))
        .collect()
}

fn refused<T>(array: &ArrayRef, expected: &str) -> Converted<T> {
    Err(format!("{} holds no {expected}", array.data_type()))
}

/// Dates, times and moments as in ISO 8601.
fn of_time(array: &ArrayRef) -> Converted<StringArray> {
    fn shown<T: ArrowTemporalType>(array: &PrimitiveArray<T>) -> Converted<StringArray>
    where
        i64: From<T::Native>,
    {
        let zone = if matches!(array.data_type(), DataType::Timestamp(_, Some(_))) { "Z" } else { "" };
        let show = |k: usize| match T::DATA_TYPE {
            DataType::Date32 => array.value_as_date(k).map(|x| format!("{x:?}")),
            DataType::Time32(_) | DataType::Time64(_) => array.value_as_time(k).map(|x| format!("{x:?}")),
            _ => array.value_as_datetime(k).map(|x| format!("{x:?}{zone}")),
        };
        let value = |k: usize| match array.is_valid(k) {
            true => show(k).map(Some).ok_or_else(|| format!("row {k} is beyond all dates")),
            false => Ok(None),
        };
        (0..array.len()).map(value).collect()
    }
    downcast_temporal_array!(array => shown(array), _ => refused(array, "dates or times of day"))
}

/// Reads text as values of the type `wanted`: numbers, truth values, or dates and times as [`text`] writes them.
pub(crate) fn read(text: &StringArray, wanted: &DataType) -> Converted<ArrayRef> {
    fn each<T: ArrowPrimitiveType>(
        text: &StringArray,
        read: impl Fn(&str) -> Option<T::Native>,
    ) -> Converted<ArrayRef> {
        let value = |x: Option<&str>| match x {
            Some(x) => read(x).map(Some).ok_or_else(|| format!("{x:?} does not read as {}", T::DATA_TYPE)),
            None => Ok(None),
        };
        let values: PrimitiveArray<T> = text.iter().map(value).collect::<Converted<_>>()?;
        Ok(Arc::new(values))
    }
    /// NaN is a missing value.
    fn reals(text: &StringArray) -> Converted<Float64Array> {
        let read = |x: &str| x.parse::<f64>().map_err(|_| format!("{x:?} does not read as a number"));
        text.iter().map(|x| Ok(x.map(read).transpose()?.filter(|x| !x.is_nan()))).collect()
    }
    macro_rules! whole {
        ($type:ty) => {
            each::<$type>(text, |x| x.parse().ok())
        };
    }
    macro_rules! moment {
        ($type:ty, $unit:ident) => {
            each::<$type>(text, |x| moment(x)?.$unit().into())
        };
    }
    let read = downcast_integer! {
        wanted => (whole),
        DataType::Float64 => Ok(Arc::new(reals(text)?) as ArrayRef),
        DataType::Float32 => Ok(Arc::new(reals(text)?.unary::<_, Float32Type>(|x| x as f32)) as ArrayRef),
        DataType::Float16 => Ok(Arc::new(reals(text)?.unary::<_, Float16Type>(half::f16::from_f64)) as ArrayRef),
        DataType::Boolean => {
            let read = |x: &str| flag(x).ok_or_else(|| format!("{x:?} does not read as true or false"));
            let values = text.iter().map(|x| x.map(read).transpose());
            Ok(Arc::new(values.collect::<Converted<BooleanArray>>()?) as ArrayRef)
        }
        DataType::Utf8 => Ok(Arc::new(text.clone()) as ArrayRef),
        DataType::Date32 => each::<Date32Type>(text, |x| x.parse::<NaiveDate>().ok().map(Date32Type::from_naive_date)),
        DataType::Date64 => moment!(Date64Type, timestamp_millis),
        DataType::Time32(TimeUnit::Second) => {
            each::<Time32SecondType>(text, |x| Some(nanoseconds(x)? / 1_000_000_000).and_then(|x| x.try_into().ok()))
        }
        DataType::Time32(_) => {
            each::<Time32MillisecondType>(text, |x| Some(nanoseconds(x)? / 1_000_000).and_then(|x| x.try_into().ok()))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            each::<Time64MicrosecondType>(text, |x| Some(nanoseconds(x)? / 1000))
        }
        DataType::Time64(_) => each::<Time64NanosecondType>(text, nanoseconds),
        DataType::Timestamp(TimeUnit::Second, _) => moment!(TimestampSecondType, timestamp),
        DataType::Timestamp(TimeUnit::Millisecond, _) => moment!(TimestampMillisecondType, timestamp_millis),
        DataType::Timestamp(TimeUnit::Microsecond, _) => moment!(TimestampMicrosecondType, timestamp_micros),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            each::<TimestampNanosecondType>(text, |x| moment(x)?.timestamp_nanos_opt())
        }
        other => Err(format!("text does not read as {other}")),
    }?;
    // Moments were read without their time zone.
    match wanted {
        DataType::Timestamp(_, Some(_)) => {
            let data = read.to_data().into_builder().data_type(wanted.clone()).build().map_err(|e| e.to_string())?;
            Ok(arrow_array::make_array(data))
        }
        _ => Ok(read),
    }
}

/// A truth value as programs write it.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A moment; without a time zone, in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = text.parse::<DateTime<Utc>>().ok();
    zoned.or_else(|| text.parse::<NaiveDateTime>().ok().map(|x| x.and_utc()))
}

/// Nanoseconds since midnight.
fn nanoseconds(text: &str) -> Option<i64> {
    let since = text.parse::<NaiveTime>().ok()?.signed_duration_since(NaiveTime::MIN);
    since.num_nanoseconds()
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Int16Type, Int64Type, UInt16Type};
    use arrow_array::{
        BinaryArray, Date32Array, Decimal128Array, Float16Array, Float32Array, Int8Array, LargeStringArray, ListArray,
        StringViewArray, Time32SecondArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
    };
    use proptest::prelude::*;

    use super::*;

    fn array(array: impl Array + 'static) -> ArrayRef {
        Arc::new(array)
    }

    fn shown(array: &ArrayRef) -> Vec<Option<String>> {
        text(array).unwrap().iter().map(|x| x.map(str::to_owned)).collect()
    }

    #[test]
    fn numbers_of_every_type_are_read_and_nulls_stay() {
        let of = |array: &ArrayRef| numbers(array).unwrap().iter().collect::<Vec<_>>();
        let expected = [Some(-1.5), None, Some(2.0)];
        assert_eq!(of(&array(Float32Array::from(vec![Some(-1.5), None, Some(2.0)]))), expected);
        let half = expected.map(|x| x.map(half::f16::from_f64));
        assert_eq!(of(&array(Float16Array::from(half.to_vec()))), expected);
        let decimal = Decimal128Array::from(vec![Some(-150), None, Some(200)]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(of(&array(decimal)), expected);
        // The nearest double to 0.1, which a quotient of doubles need not be.
        let tenth = Decimal128Array::from(vec![10_i128.pow(29)]).with_precision_and_scale(38, 30).unwrap();
        assert_eq!(of(&array(tenth)), [Some(0.1)]);
        assert_eq!(of(&array(UInt64Array::from(vec![u64::MAX]))), [Some(u64::MAX as f64)]);
        assert_eq!(of(&array(arrow_array::NullArray::new(2))), [None, None]);
        assert!(numbers(&array(StringArray::from(vec!["1"]))).is_err());
    }

    #[test]
    fn whole_numbers_beyond_64_bits_are_refused() {
        let whole = |array: &ArrayRef| whole_numbers(array).map(|x| x.iter().collect::<Vec<_>>());
        assert_eq!(whole(&array(Int8Array::from(vec![Some(-1), None]))).unwrap(), [Some(-1), None]);
        assert_eq!(whole(&array(UInt64Array::from(vec![1 << 62]))).unwrap(), [Some(1 << 62)]);
        assert!(whole(&array(UInt64Array::from(vec![u64::MAX]))).unwrap_err().contains("18446744073709551615"));
        let packed: DictionaryArray<Int16Type> =
            DictionaryArray::new(vec![1, 0, 1].into(), array(Int8Array::from(vec![7, 8])));
        assert_eq!(whole(&array(packed)).unwrap(), [Some(8), Some(7), Some(8)]);
    }

    #[test]
    fn text_of_every_encoding_is_one_dictionary() {
        let words = [Some("a"), None, Some("bé"), Some("a")];
        let packed: DictionaryArray<UInt16Type> = words.into_iter().collect();
        for text in [
            array(StringArray::from(words.to_vec())),
            array(LargeStringArray::from(words.to_vec())),
            array(StringViewArray::from(words.to_vec())),
            array(packed),
        ] {
            let found = dictionary(&text).unwrap();
            let found: Vec<Option<&str>> = found.downcast_dict::<StringArray>().unwrap().into_iter().collect();
            assert_eq!(found, words, "{}", text.data_type());
            assert_eq!(shown(&text), words.map(|x| x.map(str::to_owned)));
        }
    }

    #[test]
    fn dates_times_and_decimals_are_text_as_they_are_written() {
        let one = |array: ArrayRef| shown(&array)[0].clone().unwrap();
        assert_eq!(one(array(Date32Array::from(vec![20_000]))), "2024-10-04");
        assert_eq!(one(array(Time32SecondArray::from(vec![3_661]))), "01:01:01");
        let moment = TimestampMicrosecondArray::from(vec![1_500_000]);
        assert_eq!(one(array(moment.clone())), "1970-01-01T00:00:01.500");
        assert_eq!(one(array(moment.with_timezone("Europe/Berlin"))), "1970-01-01T00:00:01.500Z");
        let decimal = Decimal128Array::from(vec![-5]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(one(array(decimal)), "-0.05");
        assert_eq!(one(array(Float32Array::from(vec![1.0]))), "1.0");
        assert_eq!(one(array(Float16Array::from(vec![half::f16::from_f64(0.1)]))), "0.099975586");
        assert_eq!(one(array(BooleanArray::from(vec![true]))), "true");
        assert_eq!(one(array(BinaryArray::from(vec!["é".as_bytes()]))), "é");
        assert!(text(&array(BinaryArray::from(vec![&[0xff_u8][..]]))).unwrap_err().contains("no text"));
        let list = array(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)])]));
        assert!(text(&list).is_err() && !is_simple(list.data_type()));
        assert!(!is_simple(&DataType::Duration(TimeUnit::Second)));
    }

    /// Every type of dates and times, and of numbers, and truth values.
    fn types() -> Vec<DataType> {
        use DataType::*;
        use TimeUnit::*;
        let zone = Some("UTC".into());
        vec![
            Int8,
            Int16,
            Int32,
            Int64,
            UInt8,
            UInt16,
            UInt32,
            UInt64,
            Float16,
            Float32,
            Float64,
            Boolean,
            Utf8,
            Date32,
            Time32(Second),
            Time32(Millisecond),
            Time64(Microsecond),
            Time64(Nanosecond),
            Timestamp(Second, None),
            Timestamp(Millisecond, None),
            Timestamp(Microsecond, zone.clone()),
            Timestamp(Nanosecond, zone),
            Date64,
        ]
    }

    #[test]
    fn what_does_not_read_is_named_and_what_is_missing_stays_missing() {
        for kind in types() {
            let nothing = read(&StringArray::from(vec![None::<&str>]), &kind).unwrap();
            assert!(nothing.is_null(0) && *nothing.data_type() == kind, "{kind}");
            let wrong = read(&StringArray::from(vec![Some("no value")]), &kind);
            assert!(kind == DataType::Utf8 || wrong.unwrap_err().contains("\"no value\" does not read as"), "{kind}");
        }
        assert!(read(&StringArray::from(vec!["300"]), &DataType::Int8).unwrap_err().contains("\"300\""));
        assert!(read(&StringArray::from(vec!["NaN"]), &DataType::Float32).unwrap().is_null(0));
        assert!(read(&StringArray::from(vec!["1"]), &DataType::Duration(TimeUnit::Second)).is_err());
    }

    proptest! {
        #[test]
        fn text_reads_back_as_what_it_was(nanoseconds in -3_000_000_000_000_000_000_i64..3_000_000_000_000_000_000) {
            let moment = array(TimestampNanosecondArray::from(vec![nanoseconds]));
            let text_of = |array: &ArrayRef| text(array).unwrap();
            let back = read(&text_of(&moment), moment.data_type()).unwrap();
            prop_assert_eq!(&back, &moment);
            // To coarser types and back.
            let day = nanoseconds.rem_euclid(86_400_000_000_000);
            let time = array(PrimitiveArray::<Time64NanosecondType>::from(vec![day]));
            for kind in types() {
                let source = match kind {
                    DataType::Time32(_) | DataType::Time64(_) => text_of(&time),
                    DataType::Timestamp(..) | DataType::Date64 => text_of(&moment),
                    DataType::Date32 => StringArray::from(vec![text_of(&moment).value(0)[..10].to_owned()]),
                    DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                        StringArray::from(vec![format!("{:?}", nanoseconds as f64 / 1e15)])
                    }
                    DataType::Boolean => StringArray::from(vec![(nanoseconds % 2 == 0).to_string()]),
                    _ => StringArray::from(vec![(nanoseconds % 100).unsigned_abs().to_string()]),
                };
                let coarse = read(&source, &kind).unwrap();
                let again = read(&text_of(&coarse), &kind).unwrap();
                prop_assert_eq!(&again, &coarse, "{}", kind);
            }
        }
    }
}
