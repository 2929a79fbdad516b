#!/bin/bash

set -e

RESOLUTION="1024,1024"

# 1
BATCH_SIZE=1
GRAD_ACCUM=2

# 2
MAX_TRAIN_STEPS=2100

# 3
UNET_LR="2e-4"
TEXT_ENCODER_LR="5e-5"

# 4
NETWORK_DIM=32               # 5
NETWORK_ALPHA=16             # 6

# 7
MIN_SNR_GAMMA=5

OUTPUT_NAME="my_lora"

# 8
WORKSPACE="/workspace"
MODEL_PATH="$WORKSPACE/models/sd_xl_base_1.0.safetensors"
DATASET_DIR="$WORKSPACE/dataset"
OUTPUT_DIR="$WORKSPACE/output"
KOHYA_DIR="$WORKSPACE/kohya_ss"

mkdir -p $OUTPUT_DIR

echo "  Resolution: $RESOLUTION"
echo "  UNet LR: $UNET_LR"
echo "  LoRA Rank: $NETWORK_DIM"

cd $KOHYA_DIR
source venv/bin/activate

accelerate launch --num_cpu_threads_per_process=2 sdxl_train_network.py \
    --pretrained_model_name_or_path="$MODEL_PATH" \
    --train_data_dir="$DATASET_DIR" \
    --output_dir="$OUTPUT_DIR" \
    --output_name="$OUTPUT_NAME" \
    --save_model_as="safetensors" \
    --resolution="$RESOLUTION" \
    --train_batch_size=$BATCH_SIZE \
    --gradient_accumulation_steps=$GRAD_ACCUM \
    --max_train_steps=$MAX_TRAIN_STEPS \
    --learning_rate=$UNET_LR \
    --text_encoder_lr=$TEXT_ENCODER_LR \
    --train_text_encoder \
    --optimizer_type="AdamW8bit" \
    --lr_scheduler="cosine" \
    --lr_warmup_steps=100 \
    --network_module="networks.lora" \
    --network_dim=$NETWORK_DIM \
    --network_alpha=$NETWORK_ALPHA \
    --mixed_precision="fp16" \
    --save_precision="fp16" \
    --cache_latents \
    --caption_extension=".txt" \
    --shuffle_caption \
    --keep_tokens=1 \
    --min_snr_gamma=$MIN_SNR_GAMMA \
    --seed=42 \
    --xformers \
    --gradient_checkpointing \
    --enable_bucket \
    --min_bucket_reso=512 \
    --max_bucket_reso=2048 \
    --save_every_n_steps=300 \
    --logging_dir="$WORKSPACE/logs"

echo ""
echo "$OUTPUT_DIR/$OUTPUT_NAME.safetensors"
